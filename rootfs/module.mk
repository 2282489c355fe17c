LIBS += rootfs
rootfs_SRCS := $(wildcard rootfs/*.c)
rootfs_USES := base
rootfs_PKGS := libarchive libcrypto libzstd zlib
