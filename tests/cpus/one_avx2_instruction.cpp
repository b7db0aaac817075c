// vpxor on ymm registers, whatever the CPU. By hand, so that no compiler option is needed.
int main() {
  asm volatile("vpxor %%ymm0, %%ymm0, %%ymm0\n\tvzeroupper" ::: "xmm0");
  return 0;
}
