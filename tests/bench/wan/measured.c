// measured RESULT COMMAND…: runs a command and writes what it used, as one line of JSON, to the file RESULT:
// seconds from start to end, CPU seconds and peak memory of the command and of all it waited for (getrusage(2)).
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t child;

static void pass_on(int signal) { kill(child, signal); }

static double seconds_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static double seconds_of(struct timeval time) { return time.tv_sec + time.tv_usec / 1e6; }

int main(int count, char **words) {
  if (count < 3) {
    fprintf(stderr, "usage: measured RESULT COMMAND...\n");
    return 2;
  }
  double begun = seconds_now();
  child = fork();
  if (child < 0) {
    perror("fork");
    return 1;
  }
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(words[2], words + 2);
    perror(words[2]);
    _exit(127);
  }
  signal(SIGTERM, pass_on);
  signal(SIGINT, pass_on);
  prctl(PR_SET_PDEATHSIG, SIGTERM);

  int status;
  while (waitpid(child, &status, 0) < 0) continue;
  double seconds = seconds_now() - begun;
  struct rusage used;
  getrusage(RUSAGE_CHILDREN, &used);
  FILE *result = fopen(words[1], "w");
  if (!result) {
    perror(words[1]);
    return 1;
  }
  double cpu = seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
  fprintf(result, "{\"wallSeconds\":%.3f,\"cpuSeconds\":%.3f,\"memoryBytes\":%ld}\n", seconds, cpu, used.ru_maxrss * 1024L);
  fclose(result);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
