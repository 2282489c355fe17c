# Programs that measure; built by "make bench".

PROGS += api-load
api-load_SRCS := bench/api-load.c
api-load_LIBS := api
api-load_DIR := bench
