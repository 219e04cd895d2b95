#include "native/config/topology_settings.h"

#include <fmt/format.h>

namespace petrel {

std::span<const TopologySetting> topology_settings() {
  static const TopologySetting settings[] = {
      {"petrel.packing", "topology", "round_robin", "round_robin, single_container",
       "How executors are dealt to containers: over topology.workers of them, or one for each machine."},
      {"petrel.stream.manager", "topology", "auto", "auto, in_host, process",
       "Where the stream manager of a container runs. auto: in its host when it has only one."},
      {"petrel.stream.manager.loops", "topology", "", "1 to 64",
       "Loops (threads) of a stream manager process; its links to other containers are divided over them. Default: one "
       "for each four cores."},
      {"petrel.max.tuple.bytes", "topology", "67108864", "1024 to 1073741824 bytes",
       "Largest tuple that may go to another host; emit throws above it."},
      {"petrel.container", "component", "", "1 to the number of containers",
       "All its executors run in this container; those of other components are dealt in turn."},
      {"petrel.flow.control", "topology", "credit", "credit, spout_back_pressure",
       "How a slow bolt holds back what feeds it: along its own path, or all spouts of the topology (docs/links.md)."},
      {"petrel.cycle.max.bytes", "topology", "a share of the heap", "bytes",
       "What may wait for an executor inside of a cycle; what is fed back beyond it fails."},
      {"petrel.stuck.call.secs", "topology", "60", "seconds; 0 is never",
       "A call of a spout or bolt that has not returned for so long is reported as an error."},
      {"petrel.native.library", "component", "", "a path below the jar's resources/",
       "The shared library with the C++ bolt or spout that runs in place of the component's Java class."},
      {"petrel.native.component", "component", "", "a name", "Which one: the name in its PETREL_BOLT or PETREL_SPOUT."},
  };
  return settings;
}

std::string topology_settings_markdown() {
  std::string out =
      "\n# Settings of a topology\n\n"
      "In the topology's conf (`storm jar -c key=value`, `Config.put`), or in a component's (`addConfiguration`). All "
      "others are "
      "Storm's.\n\n"
      "| key | of a | default | values | what it is |\n|---|---|---|---|---|\n";
  for (const TopologySetting& setting : topology_settings()) {
    const std::string fallback = *setting.fallback == '\0' ? "" : fmt::format("`{}`", setting.fallback);
    out += fmt::format("| `{}` | {} | {} | {} | {} |\n", setting.key, setting.where, fallback, setting.values,
                       setting.doc);
  }
  return out;
}

}  // namespace petrel
