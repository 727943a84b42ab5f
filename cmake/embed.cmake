# atoll_embed(TARGET FILE FUNCTION [NAMESPACE]): `std::string_view FUNCTION()` in that namespace (atl::plan
# when none is given) gives the file's text. The text is compiled in, so that the program needs no file
# beside it.
function(atoll_embed target file function)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} ATOLL_EMBED_TEXT)
  set(ATOLL_EMBED_FUNCTION ${function})
  set(ATOLL_EMBED_NAMESPACE atl::plan)
  if(ARGC GREATER 3)
    set(ATOLL_EMBED_NAMESPACE ${ARGV3})
  endif()
  set(out ${CMAKE_BINARY_DIR}/embedded/${function}.cc)
  configure_file(${CMAKE_SOURCE_DIR}/cmake/embed.cc.in ${out} @ONLY)
  target_sources(${target} PRIVATE ${out})
endfunction()
