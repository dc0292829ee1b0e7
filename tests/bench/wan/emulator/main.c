// emulator CONFIG: forwards packets until SIGTERM. Says `ready` when all devices are up, and one line of JSON for each
// SIGUSR1 (report.c), both on stdout. Needs root, and a namespace for each node.
#define _GNU_SOURCE
#include "emulator.h"
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000ll
#define IDLE_NS 100000000ll
// So many at most of one kind of work before the other has its turn.
#define DUE_AT_ONCE 512
#define READS_AT_ONCE 64
#define IP_HEADER_BYTES 20

static volatile sig_atomic_t wants_report, wants_stop;

void die(const char *what) {
  perror(what);
  exit(1);
}

static nanoseconds now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * SECOND + time.tv_nsec;
}

static void on_signal(int signal) {
  if (signal == SIGUSR1) wants_report = 1;
  else wants_stop = 1;
}

static void listen_to_signals(void) {
  struct sigaction action = {.sa_handler = on_signal};
  const int signals[] = {SIGUSR1, SIGTERM, SIGINT};
  for (size_t at = 0; at < sizeof signals / sizeof *signals; at++) sigaction(signals[at], &action, NULL);
  // Ends with whoever started it, however that ends.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
}

// Before everybody else, and never swapped out: lateness is error.
static void take_precedence(void) {
  prctl(PR_SET_TIMERSLACK, 1);
  mlockall(MCL_CURRENT | MCL_FUTURE);
  struct sched_param priority = {.sched_priority = 10};
  if (sched_setscheduler(0, SCHED_RR, &priority)) perror("no real-time priority, going on without");
}

static void advance_due(void) {
  nanoseconds now = now_ns();
  Packet *next;
  for (int done = 0; done < DUE_AT_ONCE && (next = packet_earliest()) && next->due <= now; done++) {
    advance(packet_pop(), now);
    if (done % 32 == 31) now = now_ns();
  }
}

static int node_at(uint32_t address) {
  int at = 0;
  while (at < node_count && nodes[at].address != address) at++;
  return at;
}

static void accept_packets(int from) {
  for (int done = 0; done < READS_AT_ONCE; done++) {
    Packet *packet = packet_take();
    ssize_t length = read(nodes[from].tun, packet->data, mtu);
    if (length < 0) {
      packet_release(packet);
      return;
    }
    uint32_t address;
    memcpy(&address, packet->data + 16, sizeof address);
    int to = node_at(address);
    int is_ipv4 = length >= IP_HEADER_BYTES && packet->data[0] >> 4 == 4;
    if (!is_ipv4 || to == node_count || !paths[from][to].is_set) {
      lateness.no_route++;
      packet_release(packet);
      continue;
    }
    packet->length = length;
    packet->from = from;
    packet->to = to;
    packet->stage = 0;
    packet->due = now_ns();
    advance(packet, packet->due);
  }
}

static void wait_for_packets(struct pollfd *devices) {
  Packet *next = packet_earliest();
  nanoseconds wait = next ? next->due - now_ns() : IDLE_NS;
  if (wait < 0) wait = 0;
  struct timespec time = {wait / SECOND, wait % SECOND};
  if (ppoll(devices, node_count, &time, NULL) <= 0) return;
  for (int at = 0; at < node_count; at++)
    if (devices[at].revents & POLLIN) accept_packets(at);
}

int main(int count, char **words) {
  if (count != 2) {
    fprintf(stderr, "usage: emulator CONFIG\n");
    return 2;
  }
  read_config(words[1]);
  struct pollfd devices[NODES_MAX];
  for (int at = 0; at < node_count; at++)
    devices[at] = (struct pollfd){.fd = nodes[at].tun = open_tun(&nodes[at]), .events = POLLIN};
  listen_to_signals();
  take_precedence();
  printf("ready\n");
  fflush(stdout);
  while (!wants_stop) {
    if (wants_report) {
      wants_report = 0;
      write_report(stdout);
    }
    advance_due();
    wait_for_packets(devices);
  }
  return 0;
}
