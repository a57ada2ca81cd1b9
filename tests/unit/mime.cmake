foreach(name input calendar container part_tree header structure body cases fields address date parameter text html message file hostile file_name reply auto_class
		samples)
	inqueue_unit_test(mime_${name} mime)
endforeach()
# The library alone: what mime/ works around.
inqueue_unit_test(mime_gmime mime PkgConfig::GMIME)
