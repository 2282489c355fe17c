# The table of default roles is part of the library.
cp_SRCS += $(B)/gen/rbac_defaults_table.c

$(B)/gen/rbac_defaults_table.c: cp/auth/rbac_defaults.tbl cp/auth/module.mk
	@mkdir -p $(@D)
	@printf '%s\n' '__asm__(".section .rodata; .global rbac_defaults_text; rbac_defaults_text: "' \
	  '	".incbin \"$<\"; .byte 0; .previous");' >$@
