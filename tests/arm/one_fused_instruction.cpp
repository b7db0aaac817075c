// The control of the runs on CPUs without VFPv4: this does end with SIGILL there. (The scalar form: QEMU 7.2 lets the vector form
// pass on any CPU with NEON, so which objects contain fused instructions is looked at as well, by fused_instructions.py.)
int main() { asm volatile(".fpu neon-vfpv4\n\tvfma.f32 s0, s0, s0" : : : "s0"); }
