// A node's device: `wan0` in its namespace, with the node's address, up.
#define _GNU_SOURCE
#include "emulator.h"
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

// Long enough that the kernel itself never drops: what is dropped, the emulator drops.
#define KERNEL_QUEUE_PACKETS 20000

int open_tun(const Node *node) {
  char name[128], file[160], command[640];
  snprintf(name, sizeof name, "%s%s", namespace_prefix, node->name);
  snprintf(file, sizeof file, "/run/netns/%s", name);
  int home = open("/proc/self/ns/net", O_RDONLY), there = open(file, O_RDONLY);
  if (home < 0 || there < 0) die(file);

  // The device appears in the namespace that is current when /dev/net/tun is opened.
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  strcpy(request.ifr_name, "wan0");
  if (setns(there, CLONE_NEWNET)) die("setns");
  int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (tun < 0 || ioctl(tun, TUNSETIFF, &request)) die("/dev/net/tun");
  if (setns(home, CLONE_NEWNET)) die("setns");
  close(home);
  close(there);

  snprintf(command, sizeof command,
           "ip -n %s link set lo up && ip -n %s addr add %s/24 dev wan0 && ip -n %s link set wan0 mtu %d txqueuelen %d up",
           name, name, node->ip, name, mtu, KERNEL_QUEUE_PACKETS);
  if (system(command)) die(command);
  return tun;
}
