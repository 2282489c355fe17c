LIBS += api
api_SRCS := $(wildcard api/*.c)
api_USES := io base
api_PKGS := yaml-0.1 libcrypto
