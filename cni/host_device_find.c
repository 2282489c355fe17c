/* Looking for the interface.
 *
 * A name is looked up, an address compared with every link's, a path of the kernel's device tree and a PCI address lead
 * to the device's directory "net", whose entries are its interfaces. Fails where nothing is named, a path leads
 * elsewhere, or no such interface is in this namespace. Changes nothing. */
#include "cni/host_device_find.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"

#define KERNEL_DEVICES "/sys/devices/"
#define PCI_DEVICES "/sys/bus/pci/devices"

static const char *pci_id(const struct cni_call *c)
{
	const char *runtime = json_str_or(c->conf, "runtimeConfig.deviceID", "");
	return *runtime ? runtime : json_str_or(c->conf, "pciBusID", "");
}

static bool is_pci_id(const char *id)
{
	return strspn(id, "0123456789abcdefABCDEF:.") == strlen(id) && !strstr(id, "..");
}

int host_device_find_dpdk(const struct cni_call *c, struct err *e)
{
	static const char *const names[] = {"device", "hwaddr", "kernelpath"};
	static const char *const drivers[] = {"vfio-pci", "uio_pci_generic", "igb_uio"};
	const char *id = pci_id(c);
	char target[512];
	bool named = *id;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		named |= *json_str_or(c->conf, names[i], "") != '\0';
	if (!named)
		return err_set(e, -EINVAL, "specify either \"device\", \"hwaddr\", \"kernelpath\" or \"pciBusID\"");
	if (!*id)
		return 0;
	if (!is_pci_id(id))
		return err_set(e, -EINVAL, "error with host device: \"%s\" is no PCI address", id);
	AUTO_FREE char *path = xasprintf("%s/%s/driver", PCI_DEVICES, id);
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return err_set(e, -ENOENT, "error with host device: %s: no such file or directory", path);
	target[n] = '\0';
	const char *slash = strrchr(target, '/'), *driver = slash ? slash + 1 : target;
	for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
		if (!strcmp(driver, drivers[i]))
			return 1;
	return 0;
}

static int by_address(struct rtnl *host, const char *text, struct rtnl_link *ret, struct err *e)
{
	AUTO_FREE struct rtnl_link *v = NULL;
	uint8_t mac[6];
	size_t n = 0;
	if (mac_parse(text, mac) < 0)
		return err_set(e, -EINVAL, "failed to parse MAC address \"%s\"", text);
	int r = rtnl_link_list(host, &v, &n, e);
	for (size_t i = 0; r >= 0 && i < n; i++)
		if (!memcmp(v[i].mac, mac, sizeof(mac))) {
			*ret = v[i];
			return 0;
		}
	return r < 0 ? r : err_set(e, -ENODEV, "failed to find physical interface");
}

/* The first interface of the directory that is one of this namespace. */
static int by_directory(struct rtnl *host, const char *dir, struct rtnl_link *ret, struct err *e)
{
	DIR *d = opendir(dir);
	int r = -ENODEV;
	if (!d)
		return err_set(e, -ENOENT, "failed to find network devices at \"%s\"", dir);
	for (struct dirent *entry; r < 0 && (entry = readdir(d));)
		if (entry->d_name[0] != '.')
			r = rtnl_link_get(host, entry->d_name, ret, NULL);
	closedir(d);
	return r < 0 ? err_set(e, -ENODEV, "failed to find physical interface") : 0;
}

static int by_kernel_path(struct rtnl *host, const char *path, struct rtnl_link *ret, struct err *e)
{
	if (!str_has_prefix(path, KERNEL_DEVICES) || strstr(path, "/../") || str_has_suffix(path, "/.."))
		return err_set(e, -EINVAL, "kernel device path \"%s\" must be absolute and begin with " KERNEL_DEVICES,
			       path);
	AUTO_FREE char *dir = xasprintf("%s/net", path);
	return by_directory(host, dir, ret, e);
}

/* A virtio device has its interfaces one directory further down. */
static int by_pci(struct rtnl *host, const char *id, struct rtnl_link *ret, struct err *e)
{
	AUTO_FREE char *device = xasprintf("%s/%s", PCI_DEVICES, id), *dir = xasprintf("%s/net", device);
	DIR *d = access(dir, F_OK) ? opendir(device) : NULL;
	for (struct dirent *entry; d && (entry = readdir(d));)
		if (str_has_prefix(entry->d_name, "virtio")) {
			free(dir);
			dir = xasprintf("%s/%s/net", device, entry->d_name);
		}
	if (d)
		closedir(d);
	if (access(dir, F_OK))
		return err_set(e, -ENODEV, "no net directory under pci device %s", id);
	return by_directory(host, dir, ret, e);
}

int host_device_find(const struct cni_call *c, struct rtnl *host, struct rtnl_link *ret, struct err *e)
{
	const char *device = json_str_or(c->conf, "device", ""), *mac = json_str_or(c->conf, "hwaddr", ""),
		   *path = json_str_or(c->conf, "kernelpath", "");
	int r = *device ? rtnl_link_get(host, device, ret, e)
		: *mac  ? by_address(host, mac, ret, e)
		: *path ? by_kernel_path(host, path, ret, e)
			: by_pci(host, pci_id(c), ret, e);
	return r < 0 ? err_wrap(e, r, "failed to find host device") : 0;
}
