// Shows and hides the text cursor of the guest's screen again and again, so that Bochs has something to draw. For the guest's root.
#include <sys/io.h>

#include <cstdio>
#include <ctime>

namespace {

constexpr int vga_index = 0x3D4, vga_data = 0x3D5;

// The VGA's CRT controller.
void set_register(unsigned char number, unsigned char value) {
  outb(number, vga_index);
  outb(value, vga_data);
}

}  // namespace

int main() {
  if (iopl(3) != 0) return std::perror("iopl"), 1;
  const timespec pause = {0, 250'000'000};  // longer than from one drawing to the next
  for (int i = 0; i < 8000; ++i) {
    set_register(0x0A, i % 2 == 0 ? 0x20 : 0x0D);  // cursor start: line 13, or bit 5: off
    set_register(0x0B, 0x0E);                      // cursor end
    nanosleep(&pause, nullptr);
  }
  return 0;
}
