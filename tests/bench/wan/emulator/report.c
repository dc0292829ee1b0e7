// One line of JSON about what passed since the last one; the counters begin anew.
#include "emulator.h"
#include <string.h>

static void write_shaper(FILE *file, const char *name, const char *direction, Shaper *line) {
  static const char *format = "\"%s.%s\":{\"bytes\":%lu,\"tailDrops\":%lu,\"queuedMax\":%.0f}";
  fprintf(file, format, name, direction, line->bytes, line->tail_drops, line->queued_max);
  line->bytes = line->tail_drops = line->queued_max = 0;
}

static void write_access(FILE *file) {
  const char *comma = "";
  for (int at = 0; at < node_count; at++) {
    Node *node = &nodes[at];
    if (node->up.rate > 0) {
      fputs(comma, file);
      write_shaper(file, node->name, "up", &node->up);
      comma = ",";
    }
    if (node->down.rate > 0) {
      fputs(comma, file);
      write_shaper(file, node->name, "down", &node->down);
      comma = ",";
    }
  }
}

static void write_paths(FILE *file) {
  static const char *format = "%s\"%s>%s\":{\"packets\":%lu,\"bytes\":%lu,\"lost\":%lu,\"tailDrops\":%lu}";
  const char *comma = "";
  for (int a = 0; a < node_count; a++)
    for (int b = 0; b < node_count; b++) {
      Path *path = &paths[a][b];
      if (!path->packets) continue;
      const char *from = nodes[a].name, *to = nodes[b].name;
      fprintf(file, format, comma, from, to, path->packets, path->bytes, path->lost, path->line.tail_drops);
      path->packets = path->bytes = path->lost = path->line.tail_drops = 0;
      comma = ",";
    }
}

void write_report(FILE *file) {
  double mean_us = lateness.delivered ? lateness.sum_ns / lateness.delivered / 1e3 : 0;
  fprintf(file, "{\"delivered\":%lu,\"lateMeanUs\":%.1f,\"lateMaxUs\":%.0f,\"lateOver1Ms\":%lu", lateness.delivered, mean_us,
          lateness.max_ns / 1e3, lateness.over_1_ms);
  fprintf(file, ",\"noRoute\":%lu,\"writeFailed\":%lu,\"access\":{", lateness.no_route, lateness.write_failed);
  write_access(file);
  fprintf(file, "},\"paths\":{");
  write_paths(file);
  fprintf(file, "}}\n");
  fflush(file);
  memset(&lateness, 0, sizeof lateness);
}
