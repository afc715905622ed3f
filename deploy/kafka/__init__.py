"""A real Apache Kafka broker for one machine: its jars come from Maven Central, it needs a Java runtime and `mvn`."""
