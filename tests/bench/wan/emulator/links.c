// What happens to a packet on its way: the sender's access line, the path, the receiver's access line.
#include "emulator.h"
#include <unistd.h>

#define MILLISECOND 1000000

Node nodes[NODES_MAX];
Path paths[NODES_MAX][NODES_MAX];
Lateness lateness;
static uint64_t random_state = 88172645463325252ull;

void seed_losses(uint64_t seed) { random_state ^= seed * 0x9E3779B97F4A7C15ull; }

// xorshift64: good enough to spread losses, and the same everywhere.
static double random_share(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (random_state >> 11) * 0x1p-53;
}

// Puts the packet behind what is queued. Gives the time its last bit has left, or -1 where the queue is full.
static nanoseconds pass(Shaper *line, nanoseconds at, int length) {
  if (line->rate <= 0) return at;
  double queued = line->free_at > at ? (line->free_at - at) * line->rate / 8e9 : 0;
  if (queued + length > line->queue) {
    line->tail_drops++;
    return -1;
  }
  if (queued > line->queued_max) line->queued_max = queued;
  line->bytes += length;
  line->free_at = (line->free_at > at ? line->free_at : at) + (nanoseconds)(length * 8e9 / line->rate);
  return line->free_at;
}

// Bursts have a geometric length; they begin so rarely that the mean loss stays what it is set to.
static int loses(Path *path) {
  if (path->losing > 0) {
    path->losing--;
    return 1;
  }
  if (path->loss <= 0 || random_share() >= path->loss / path->burst) return 0;
  if (path->burst > 1)
    while (random_share() < 1 - 1 / path->burst) path->losing++;
  return 1;
}

static nanoseconds travel(Path *path, nanoseconds at, int length) {
  path->packets++;
  path->bytes += length;
  if (loses(path)) {
    path->lost++;
    return -1;
  }
  if ((at = pass(&path->line, at, length)) < 0) return -1;
  at += path->delay + (path->jitter ? (nanoseconds)((2 * random_share() - 1) * path->jitter) : 0);
  if (at < path->last_arrival) at = path->last_arrival; // jitter never reorders
  return path->last_arrival = at;
}

static void deliver(Packet *packet, nanoseconds now) {
  double late = now - packet->due;
  lateness.delivered++;
  lateness.sum_ns += late;
  if (late > lateness.max_ns) lateness.max_ns = late;
  if (late > MILLISECOND) lateness.over_1_ms++;
  if (write(nodes[packet->to].tun, packet->data, packet->length) < 0) lateness.write_failed++;
  packet_release(packet);
}

// Moves a packet that is due by one stage; drops it, or schedules it for the next.
void advance(Packet *packet, nanoseconds now) {
  nanoseconds at = packet->due;
  switch (packet->stage++) {
  case 0: at = pass(&nodes[packet->from].up, at, packet->length); break;
  case 1: at = travel(&paths[packet->from][packet->to], at, packet->length); break;
  case 2: at = pass(&nodes[packet->to].down, at, packet->length); break;
  default: deliver(packet, now); return;
  }
  if (at < 0) {
    packet_release(packet);
    return;
  }
  packet->due = at;
  packet_schedule(packet);
}
