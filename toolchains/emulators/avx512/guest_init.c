// PID 1 of the guest that run-avx512 boots: runs the jobs of /emu/jobs one after another, sends what they print, their exit status
// and the files of /emu/outputs to the host, and ends the emulation.
//
// /emu/jobs, strings that end with NUL, for each job: working directory, number of arguments, arguments, number of environment
// variables, variables. /emu/outputs: paths, each ending with NUL.
//
// To the host goes a row of frames (type, length in 4 bytes little endian, payload) through the parallel port, which Bochs writes
// to a file: unlike a serial port it has no baud rate, and no driver is needed. Types:
//   B job begins (its index)      O bytes of its stdout     E bytes of its stderr     X job has ended (status; 128 + n: signal n)
//   F file begins (mode, space, path)   D bytes of it       M message of this program   Z all is done
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { port = 0x378, shutdown_port = 0x8900 };
static unsigned char buffer[1 << 16];

static void put(const void* data, size_t size) {
  const unsigned char* p = data;
  for (size_t i = 0; i < size; ++i) {
    outb(p[i], port);
    outb(0x0D, port + 2);  // selected, initialised, strobe: take the byte
    outb(0x0C, port + 2);
  }
}

static void frame(char type, const void* payload, size_t size) {
  const unsigned char head[5] = {(unsigned char)type, size & 255, size >> 8 & 255, size >> 16 & 255, size >> 24 & 255};
  put(head, sizeof head);
  put(payload, size);
}

__attribute__((format(printf, 2, 3))) static void text_frame(char type, const char* format, ...) {
  char text[4400];
  va_list arguments;
  va_start(arguments, format);
  int size = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (size >= (int)sizeof text) size = sizeof text - 1;
  frame(type, text, size);
}

_Noreturn static void end(void) {
  frame('Z', "", 0);
  for (const char* c = "Shutdown"; *c; ++c) outb(*c, shutdown_port);
  for (;;) pause();
}

// The strings of a file, one after another.
struct Strings {
  char* next;
  char* end;
};

static struct Strings read_strings(const char* path) {
  struct Strings strings = {NULL, NULL};
  const int file = open(path, O_RDONLY);
  struct stat info;
  if (file < 0 || fstat(file, &info) != 0) {
    text_frame('M', "%s: %s", path, strerror(errno));
    end();
  }
  strings.next = malloc(info.st_size + 1);
  ssize_t size = 0, got;
  while ((got = read(file, strings.next + size, info.st_size - size)) > 0) size += got;
  close(file);
  strings.end = strings.next + size;
  *strings.end = 0;
  return strings;
}

static char* next_string(struct Strings* strings) {
  if (strings->next >= strings->end) return NULL;
  char* const string = strings->next;
  strings->next += strlen(string) + 1;
  return string;
}

// A count and as many strings.
static char** next_vector(struct Strings* strings) {
  const char* const count = next_string(strings);
  const size_t size = count != NULL ? strtoul(count, NULL, 10) : 0;
  char** const vector = calloc(size + 1, sizeof *vector);
  for (size_t i = 0; i < size; ++i) vector[i] = next_string(strings);
  return vector;
}

_Noreturn static void become(const char* directory, char** arguments, char** environment, int out, int err) {
  iopl(0);
  setsid();
  const struct rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  dup2(open("/dev/null", O_RDONLY), 0);
  dup2(out, 1);
  dup2(err, 2);
  for (int i = 3; i < 64; ++i) close(i);
  if (chdir(directory) != 0) {
    dprintf(2, "%s: %s\n", directory, strerror(errno));
    _exit(126);
  }
  execve(arguments[0], arguments, environment);
  dprintf(2, "%s: %s\n", arguments[0], strerror(errno));
  _exit(errno == ENOENT ? 127 : 126);
}

static void run_job(int index, const char* directory, char** arguments, char** environment) {
  text_frame('B', "%d", index);
  int out[2], err[2];
  if (pipe(out) != 0 || pipe(err) != 0) {
    text_frame('M', "pipe: %s", strerror(errno));
    end();
  }
  const pid_t child = fork();
  if (child == 0) become(directory, arguments, environment, out[1], err[1]);
  close(out[1]);
  close(err[1]);

  struct pollfd from[2] = {{out[0], POLLIN, 0}, {err[0], POLLIN, 0}};
  int status = 0, running = child > 0;
  while (running || from[0].fd >= 0 || from[1].fd >= 0) {
    poll(from, 2, 20);
    for (int i = 0; i < 2; ++i) {
      if (from[i].fd < 0 || from[i].revents == 0) continue;
      const ssize_t got = read(from[i].fd, buffer, sizeof buffer);
      if (got > 0) frame(i == 0 ? 'O' : 'E', buffer, got);
      if (got <= 0) from[i].fd = -1;
    }
    if (running && waitpid(child, &status, WNOHANG) == child) {
      running = 0;
      kill(-1, SIGKILL);  // what it left behind would hold the pipes open
    }
  }
  while (waitpid(-1, NULL, 0) > 0) {
  }
  close(out[0]);
  close(err[0]);
  text_frame('X', "%d", child < 0 ? 125 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static int send_file(const char* path, const struct stat* info, int type, struct FTW* at) {
  (void)at;
  if (type != FTW_F) return 0;
  const int file = open(path, O_RDONLY);
  if (file < 0) {
    text_frame('M', "%s: %s", path, strerror(errno));
    return 0;
  }
  text_frame('F', "%o %s", (unsigned)info->st_mode & 0777, path);
  ssize_t got;
  while ((got = read(file, buffer, sizeof buffer)) > 0) frame('D', buffer, got);
  close(file);
  return 0;
}

int main(void) {
  mount("dev", "/dev", "devtmpfs", 0, NULL);
  mount("proc", "/proc", "proc", 0, NULL);
  mount("sys", "/sys", "sysfs", 0, NULL);
  mkdir("/dev/shm", 01777);
  mount("shm", "/dev/shm", "tmpfs", 0, NULL);
  int console;
  while ((console = open("/dev/console", O_RDWR)) >= 0 && console < 3) {
  }
  close(console);
  if (iopl(3) != 0) {
    perror("iopl");
    return 1;  // the kernel panics, and its console log tells why
  }
  struct Strings jobs = read_strings("/emu/jobs");
  for (int i = 0;; ++i) {
    const char* const directory = next_string(&jobs);
    if (directory == NULL) break;
    char** const arguments = next_vector(&jobs);
    char** const environment = next_vector(&jobs);
    run_job(i, directory, arguments, environment);
  }
  struct Strings outputs = read_strings("/emu/outputs");
  for (const char* path; (path = next_string(&outputs)) != NULL;) {
    if (nftw(path, send_file, 16, FTW_PHYS) != 0) text_frame('M', "%s: %s", path, strerror(errno));
  }
  end();
}
