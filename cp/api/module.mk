# The protobuf field numbers are compiled in as text.
$(B)/obj/cp/api/protobuf_table.o: cp/api/protobuf.tbl
# So are the objects of a fresh cluster.
$(B)/obj/cp/api/bootstrap.o: cp/api/bootstrap.jsonl
