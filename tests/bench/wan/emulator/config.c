// The configuration, one thing a line:
//
//   prefix TEXT                       a node's namespace is called TEXT and then its name
//   seed N
//   node NAME IP [up=RATE] [upq=BYTES] [down=RATE] [downq=BYTES]
//   path A B [delay=MS] [jitter=MS] [loss=PERCENT] [burst=PACKETS] [rate=RATE] [q=BYTES]
//
// RATE takes k, m, g (bit/s), BYTES k and m. A path line sets both directions; delay is one way.
#include "emulator.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 24
#define QUEUE_DEFAULT 256000
#define PATH_QUEUE_DEFAULT 1000000

int node_count, mtu = 1500;
char namespace_prefix[64] = "";

static void refuse(const char *what, const char *which) {
  fprintf(stderr, "emulator: %s: %s\n", what, which);
  exit(1);
}

static double number_of(const char *text) {
  char *unit;
  double value = strtod(text, &unit);
  return value * (*unit == 'k' ? 1e3 : *unit == 'm' ? 1e6 : *unit == 'g' ? 1e9 : 1);
}

static int index_of(const char *name) {
  for (int at = 0; at < node_count; at++)
    if (!strcmp(nodes[at].name, name)) return at;
  refuse("unknown node", name);
  return -1;
}

// Splits `name=value` in place; gives the value.
static char *value_in(char *word) {
  char *equals = strchr(word, '=');
  if (!equals) refuse("not name=value", word);
  *equals = 0;
  return equals + 1;
}

static void read_node(char **words, int count) {
  if (node_count == NODES_MAX) refuse("too many nodes", words[1]);
  Node *node = &nodes[node_count++];
  snprintf(node->name, NAME_MAX_CHARS, "%s", words[1]);
  snprintf(node->ip, NAME_MAX_CHARS, "%s", words[2]);
  node->address = inet_addr(node->ip);
  node->up.queue = node->down.queue = QUEUE_DEFAULT;
  for (int at = 3; at < count; at++) {
    char *value = value_in(words[at]);
    if (!strcmp(words[at], "up")) node->up.rate = number_of(value);
    else if (!strcmp(words[at], "upq")) node->up.queue = number_of(value);
    else if (!strcmp(words[at], "down")) node->down.rate = number_of(value);
    else if (!strcmp(words[at], "downq")) node->down.queue = number_of(value);
    else refuse("unknown setting of a node", words[at]);
  }
}

static void read_path(char **words, int count) {
  int a = index_of(words[1]), b = index_of(words[2]);
  Path path = {.is_set = 1, .burst = 1, .line.queue = PATH_QUEUE_DEFAULT};
  for (int at = 3; at < count; at++) {
    char *value = value_in(words[at]);
    if (!strcmp(words[at], "delay")) path.delay = number_of(value) * 1e6;
    else if (!strcmp(words[at], "jitter")) path.jitter = number_of(value) * 1e6;
    else if (!strcmp(words[at], "loss")) path.loss = number_of(value) / 100;
    else if (!strcmp(words[at], "burst")) path.burst = number_of(value);
    else if (!strcmp(words[at], "rate")) path.line.rate = number_of(value);
    else if (!strcmp(words[at], "q")) path.line.queue = number_of(value);
    else refuse("unknown setting of a path", words[at]);
  }
  if (path.burst < 1) path.burst = 1;
  paths[a][b] = paths[b][a] = path;
}

static void read_line(char *line) {
  char *words[WORDS_MAX];
  int count = 0;
  for (char *word = strtok(line, " \t\r\n"); word && count < WORDS_MAX && *word != '#'; word = strtok(NULL, " \t\r\n"))
    words[count++] = word;
  if (count == 0) return;
  if (count < 2) refuse("incomplete line", words[0]);
  if (!strcmp(words[0], "seed")) seed_losses(strtoull(words[1], NULL, 10));
  else if (!strcmp(words[0], "prefix")) snprintf(namespace_prefix, sizeof namespace_prefix, "%s", words[1]);
  else if (!strcmp(words[0], "node") && count >= 3) read_node(words, count);
  else if (!strcmp(words[0], "path") && count >= 3) read_path(words, count);
  else refuse("unknown line", words[0]);
}

void read_config(const char *file) {
  FILE *stream = fopen(file, "r");
  if (!stream) die(file);
  char line[512];
  while (fgets(line, sizeof line, stream)) read_line(line);
  fclose(stream);
}
