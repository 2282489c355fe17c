# The tables of kinds: all *.tbl become one text inside the library. A new table needs nothing but its file.
SCHEMA_TABLES := $(sort $(wildcard cp/schema/tables/*.tbl))
SCHEMA_TEXT := $(B)/gen/schema_tables.tbl
cp_SRCS += $(B)/gen/schema_tables.c

$(SCHEMA_TEXT): $(SCHEMA_TABLES) cp/schema/module.mk
	@mkdir -p $(@D)
	@for t in $(SCHEMA_TABLES); do echo "table $$t"; cat "$$t"; done >$@

$(B)/gen/schema_tables.c: $(SCHEMA_TEXT)
	@printf '%s\n' '__asm__(".section .rodata; .global schema_tables_text; schema_tables_text: "' \
	  '	".incbin \"$(SCHEMA_TEXT)\"; .byte 0; .previous");' >$@
