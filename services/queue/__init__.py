"""queue decides who must look at a record, leases the tasks and keeps the annotations."""
