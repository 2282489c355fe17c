LIBS += io
io_SRCS := $(wildcard io/*.c)
io_USES := base
io_PKGS := libuv openssl libnghttp2 zlib
io_LDLIBS := -lhttp_parser -lwslay -lpthread
