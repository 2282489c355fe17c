LIBS += overlay
overlay_SRCS := $(wildcard overlay/*.c)
overlay_USES := ionet io base
overlay_PKGS := openssl
