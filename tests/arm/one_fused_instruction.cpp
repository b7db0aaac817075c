// The control of the runs on CPUs without VFPv4: this does end with SIGILL there.
int main() {
  float d[2] = {1, 2};
  asm volatile(".fpu neon-vfpv4\n\tvld1.32 {d0}, [%0]\n\tvfma.f32 d0, d0, d0" : : "r"(d) : "d0", "memory");
}
