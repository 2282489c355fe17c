LIBS += ionft
ionft_SRCS := $(wildcard io/nft/*.c)
ionft_USES := base
