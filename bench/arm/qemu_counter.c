// Plug-in for QEMU's user mode (API 1: qemu-user 7.2 and newer; no header or glib needed): instructions that an AArch64 program
// executes between its calls of tconv_count_begin() and tconv_count_end(), with the NEON multiply-adds and NEON loads and stores
// among them, one line a pair of calls in the file named by the argument `out`.
//   gcc -O2 -shared -fPIC -o qemu_counter.so qemu_counter.c
//   qemu-aarch64 -plugin ./qemu_counter.so,out=counts.txt PROGRAM
// Counts are the same from run to run. For programs of one thread.
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info_t;
enum { INLINE_ADD_U64 = 0, CB_NO_REGS = 0 };
extern void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, struct qemu_plugin_tb*));
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb*, int operation, void* counter, uint64_t value);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn*, void (*)(unsigned, void*), int flags, void* data);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb*);
extern struct qemu_plugin_insn* qemu_plugin_tb_get_insn(const struct qemu_plugin_tb*, size_t);
extern const void* qemu_plugin_insn_data(const struct qemu_plugin_insn*);
extern size_t qemu_plugin_insn_size(const struct qemu_plugin_insn*);
extern const char* qemu_plugin_insn_symbol(const struct qemu_plugin_insn*);
extern void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, void*), void*);
EXPORT int qemu_plugin_version = 1;

struct Counts {
  uint64_t instructions, multiply_adds, memory;
};
static struct Counts now, at_begin;
static FILE* out;

// fmla and fmls: vector and by lane, half, single and double precision.
static bool is_multiply_add(uint32_t w) {
  return (w & 0xBF20FC00) == 0x0E20CC00 || (w & 0xBF60FC00) == 0x0E400C00 || (w & 0xBF80B400) == 0x0F801000 ||
         (w & 0xBFC0B400) == 0x0F001000;
}
// ld1 .. ld4, st1 .. st4 and their broadcasts; ldr, ldp, str, stp of SIMD registers.
static bool is_memory(uint32_t w) { return (w & 0x0A000000) == 0x08000000 && (w >> 26 & 1) != 0; }

static void on_begin(unsigned cpu, void* data) {
  (void)cpu, (void)data;
  at_begin = now;
}
static void on_end(unsigned cpu, void* data) {
  (void)cpu, (void)data;
  fprintf(out, "%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", now.instructions - at_begin.instructions,
          now.multiply_adds - at_begin.multiply_adds, now.memory - at_begin.memory);
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb* tb) {
  (void)id;
  const size_t n = qemu_plugin_tb_n_insns(tb);
  struct Counts c = {n, 0, 0};
  for (size_t i = 0; i < n; ++i) {
    struct qemu_plugin_insn* instruction = qemu_plugin_tb_get_insn(tb, i);
    uint32_t word;
    if (qemu_plugin_insn_size(instruction) != sizeof word) continue;
    memcpy(&word, qemu_plugin_insn_data(instruction), sizeof word);
    c.multiply_adds += is_multiply_add(word);
    c.memory += is_memory(word);
  }
  // A marker is one "ret": its first instruction is its only one.
  const char* symbol = n != 0 ? qemu_plugin_insn_symbol(qemu_plugin_tb_get_insn(tb, 0)) : NULL;
  if (symbol != NULL && strcmp(symbol, "tconv_count_begin") == 0) {
    qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_tb_get_insn(tb, 0), on_begin, CB_NO_REGS, NULL);
  } else if (symbol != NULL && strcmp(symbol, "tconv_count_end") == 0) {
    qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_tb_get_insn(tb, 0), on_end, CB_NO_REGS, NULL);
  }
  qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &now.instructions, c.instructions);
  if (c.multiply_adds != 0) qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &now.multiply_adds, c.multiply_adds);
  if (c.memory != 0) qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &now.memory, c.memory);
}

static void on_exit(qemu_plugin_id_t id, void* data) {
  (void)id, (void)data;
  fclose(out);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t* info, int argc, char** argv) {
  (void)info;
  for (int i = 0; i < argc; ++i) {
    if (strncmp(argv[i], "out=", 4) == 0 && out == NULL) out = fopen(argv[i] + 4, "w");
  }
  if (out == NULL) return -1;
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
  qemu_plugin_register_atexit_cb(id, on_exit, NULL);
  return 0;
}
