# petrel_proto(proto a.proto b.proto): one library of generated control-plane messages, without our warnings.
function(petrel_proto name)
  set(out ${CMAKE_BINARY_DIR}/generated)
  file(MAKE_DIRECTORY ${out})
  set(sources)
  foreach(file ${ARGN})
    get_filename_component(stem ${file} NAME_WE)
    add_custom_command(
      OUTPUT ${out}/proto/${stem}.pb.cc ${out}/proto/${stem}.pb.h
      COMMAND protobuf::protoc --cpp_out=${out} -I${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/proto/${file}
      DEPENDS ${CMAKE_SOURCE_DIR}/proto/${file})
    list(APPEND sources ${out}/proto/${stem}.pb.cc)
  endforeach()
  add_library(petrel_${name} STATIC ${sources})
  add_library(petrel::${name} ALIAS petrel_${name})
  target_include_directories(petrel_${name} SYSTEM PUBLIC ${out})
  target_link_libraries(petrel_${name} PUBLIC protobuf::libprotobuf)
endfunction()
