# Programs that measure; built by "make bench".

PROGS += api-load
api-load_SRCS := $(addprefix bench/,api-load.c load_conn.c load_fanout.c load_meter.c load_mode.c load_requests.c)
api-load_LIBS := api
api-load_DIR := bench

PROGS += bench-store
bench-store_SRCS := bench/store.c
bench-store_LIBS := cp
bench-store_DIR := bench

PROGS += oci-floor
oci-floor_SRCS := bench/oci-floor.c
oci-floor_DIR := bench
oci-floor_STATIC := 1

PROGS += cni-time
cni-time_SRCS := bench/cni-time.c
cni-time_DIR := bench

PROGS += policy-time
policy-time_SRCS := bench/policy-time.c
policy-time_LIBS := netfilter
policy-time_DIR := bench

PROGS += connect-time
connect-time_SRCS := bench/connect-time.c
connect-time_DIR := bench
