foreach(name input part_tree header fields address date parameter text html message hostile file_name reply samples)
	inqueue_unit_test(mime_${name} mime)
endforeach()
