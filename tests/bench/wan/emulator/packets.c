// Packets under way: a binary heap by due time, then by arrival, and a list of spare ones.
#include "emulator.h"
#include <stdlib.h>

static Packet **heap, *spare;
static size_t count, capacity;
static uint64_t arrivals;

static int is_before(const Packet *a, const Packet *b) {
  return a->due < b->due || (a->due == b->due && a->order < b->order);
}

Packet *packet_take(void) {
  Packet *packet = spare;
  if (packet) spare = packet->next;
  else if (!(packet = malloc(sizeof *packet + mtu))) die("malloc");
  return packet;
}

void packet_release(Packet *packet) {
  packet->next = spare;
  spare = packet;
}

void packet_schedule(Packet *packet) {
  if (count == capacity) {
    capacity = capacity ? capacity * 2 : 4096;
    if (!(heap = realloc(heap, capacity * sizeof *heap))) die("realloc");
  }
  packet->order = arrivals++;
  size_t at = count++;
  for (; at && is_before(packet, heap[(at - 1) / 2]); at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
  heap[at] = packet;
}

Packet *packet_earliest(void) { return count ? heap[0] : NULL; }

Packet *packet_pop(void) {
  Packet *top = heap[0], *last = heap[--count];
  size_t at = 0, child;
  while ((child = 2 * at + 1) < count) {
    if (child + 1 < count && is_before(heap[child + 1], heap[child])) child++;
    if (!is_before(heap[child], last)) break;
    heap[at] = heap[child];
    at = child;
  }
  if (count) heap[at] = last;
  return top;
}
