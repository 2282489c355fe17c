# The protobuf field numbers are compiled in as text.
$(B)/obj/cp/api/protobuf_table.o: cp/api/protobuf.tbl
