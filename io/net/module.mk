LIBS += ionet
ionet_SRCS := $(wildcard io/net/*.c)
ionet_USES := base
ionet_PKGS := libnl-route-3.0 libnl-3.0
