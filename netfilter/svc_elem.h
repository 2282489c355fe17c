/* Elements of the proxy's maps, and the choices that fronts lead to: plain data, no kernel. */
#ifndef KNARR_NETFILTER_SVC_ELEM_H
#define KNARR_NETFILTER_SVC_ELEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum svc_kind {
	SVC_SERVICE,     /* map: address . protocol . port -> number of a struct svc_choice */
	SVC_ENDPOINT,    /* map: address . protocol . port . index -> address . port */
	SVC_HAIRPIN,     /* set: address . address */
	SVC_STICKY,      /* map: address . protocol . port -> chain that remembers the endpoint for the client; data: for
			    how many seconds */
	SVC_ALLOWED,     /* set of ranges: address . protocol . port . source; data: the last source */
	SVC_MAPS,        /* the kernel knows nothing of what follows */
	SVC_LINGER = SVC_MAPS, /* UDP, address . protocol . port . address . port: an endpoint that serves, although new
				  flows get others */
	SVC_KINDS,
};

/* What becomes of a client's address, and who gets which endpoints. */
enum svc_mode {
	SVC_KEEP,        /* it is kept */
	SVC_MARK_OTHERS, /* that of a pod is kept, any other becomes the node's */
	SVC_MARK_ALL,    /* it becomes the node's */
	SVC_LOCAL,       /* it is kept and the endpoint is one of this node; pods and the node itself get any one. Who gets
			    none is dropped */
	SVC_REFUSE,      /* nobody gets one, and everybody is told */
};

#define SVC_KEY_MAX 44
#define SVC_CLUSTER_INDEX 0x10000u
#define SVC_ENDPOINTS_MAX 4095

/* How the endpoint of a front is chosen; fronts with the same choice share a chain. */
struct svc_choice {
	uint16_t count;   /* endpoints, from index 0 */
	uint16_t cluster; /* SVC_LOCAL: endpoints for who is inside, from SVC_CLUSTER_INDEX */
	enum svc_mode mode;
	bool sticky;     /* clients are remembered */
	bool restricted; /* only sources of SVC_ALLOWED */
	bool hairpin;    /* a client may be given itself */
};

/* From the highest: four bits of mode, four of flags, twelve of cluster, twelve of count. */
uint32_t svc_choice_number(const struct svc_choice *c);
void svc_choice_read(uint32_t number, struct svc_choice *ret);
/* The chain of a choice: a letter for the mode (n, m, a, l), the number of endpoints, for l also "c" and that of the
 * cluster, "s" where clients are remembered, "r" where sources are restricted, "h" where a client may be given itself: "n2", "m2sh",
 * "l1c3", "a2r"; "refuse". ret has room for 32. */
char *svc_choice_name(uint32_t number, char *ret);

/* One element of one of the proxy's maps. */
struct svc_elem {
	uint8_t kind, family; /* AF_INET, AF_INET6 */
	uint8_t key_len, data_len;
	uint8_t key[SVC_KEY_MAX], data[20]; /* as the kernel has them: each field padded to 4 bytes */
};

#define SVC_FRONT_LEN(elem) ((elem)->family == 2 ? 12 : 24) /* the bytes of address . protocol . port in a key */
/* The data of SVC_SERVICE and SVC_STICKY. */
uint32_t svc_elem_number(const struct svc_elem *e);
uint8_t svc_elem_protocol(const struct svc_elem *e);
/* Order by kind, family and key. */
int svc_elem_cmp(const void *a, const void *b);
/* Both sorted: elements of old that must go and of wanted that must come; a changed one is in both. Either list is an
 * owned array of borrowed pointers. */
void svc_elem_diff(const struct svc_elem *old, size_t n_old, const struct svc_elem *wanted, size_t n_wanted,
		   const struct svc_elem ***ret_del, size_t *ret_n_del, const struct svc_elem ***ret_add,
		   size_t *ret_n_add);

#endif
