"""The wire: protobuf messages of package lumbung.v1, generated stubs and the frame codec."""
