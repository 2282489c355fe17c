# Programs that measure; built by "make bench".

PROGS += api-load
api-load_SRCS := bench/api-load.c
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
