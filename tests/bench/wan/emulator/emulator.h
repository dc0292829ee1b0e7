// A user-space WAN. One process owns one TUN device in each network namespace (a "node") and forwards IPv4 packets between
// them: per path delay, jitter, random loss (alone or in bursts), rate and a bounded drop-tail queue; per node a shaper for
// all its paths together, up and down: its access line. The machines at both ends are real Linux TCP.
//
// Time is virtual per packet: each stage begins when the one before was due, so a late wake-up of this process shows once
// (and is counted) and never adds up.
#ifndef EMULATOR_H
#define EMULATOR_H
#include <stdint.h>
#include <stdio.h>

#define NODES_MAX 32
#define NAME_MAX_CHARS 24

typedef int64_t nanoseconds;

// A line that sends one packet after the other. `rate` is bit/s on whole IP packets, 0 is unlimited; `queue` is bytes.
typedef struct {
  double rate;
  int64_t queue;
  nanoseconds free_at;
  uint64_t tail_drops, bytes;
  double queued_max;
} Shaper;

typedef struct {
  char name[NAME_MAX_CHARS], ip[NAME_MAX_CHARS];
  uint32_t address;
  int tun;
  Shaper up, down;
} Node;

// One direction between two nodes. `loss` is a probability; `burst` how many packets one loss takes on average;
// `losing` how many of the current burst are still to go.
typedef struct {
  int is_set, losing;
  nanoseconds delay, jitter, last_arrival;
  double loss, burst;
  Shaper line;
  uint64_t packets, bytes, lost;
} Path;

typedef struct Packet {
  nanoseconds due;
  uint64_t order;
  struct Packet *next;
  uint16_t length;
  uint8_t from, to, stage;
  uint8_t data[];
} Packet;

// How late packets were handed over, against the time they were due.
typedef struct {
  uint64_t delivered, over_1_ms, no_route, write_failed;
  double sum_ns, max_ns;
} Lateness;

extern Node nodes[NODES_MAX];
extern Path paths[NODES_MAX][NODES_MAX];
extern int node_count, mtu;
extern char namespace_prefix[64];
extern Lateness lateness;

// packets.c: packets under way, the earliest first
Packet *packet_take(void);
void packet_release(Packet *packet);
void packet_schedule(Packet *packet);
Packet *packet_earliest(void);
Packet *packet_pop(void);

// links.c: what happens to a packet
void seed_losses(uint64_t seed);
void advance(Packet *packet, nanoseconds now);

// config.c
void read_config(const char *file);

// tun.c
int open_tun(const Node *node);

// report.c
void write_report(FILE *file);

void die(const char *what);
#endif
