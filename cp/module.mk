LIBS += cp
cp_SRCS += $(wildcard cp/*/*.c)
cp_USES := api ionet io base
cp_PKGS := sqlite3 libpcre2-8 zlib
cp_LDLIBS := -lm

PROGS += knarr-server
knarr-server_SRCS := cmd/knarr-server.c cmd/server_config.c cmd/server_store.c cmd/server_loops.c cmd/server_backup.c
knarr-server_LIBS := cp
