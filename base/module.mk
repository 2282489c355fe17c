LIBS += base
base_SRCS := $(wildcard base/*.c)
base_PKGS := jansson
