// The calls between which bench/arm/qemu_counter.c counts. Each is one instruction.
#pragma once

extern "C" void tconv_count_begin();
extern "C" void tconv_count_end();
