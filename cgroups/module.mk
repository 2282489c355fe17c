LIBS += cgroups
cgroups_SRCS := $(wildcard cgroups/*.c)
cgroups_USES := base
cgroups_PKGS :=
cgroups_LDLIBS := -lm
