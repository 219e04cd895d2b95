#include "native/bin/client_files.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "native/bin/nimbus_access.h"

namespace petrel::cli {
namespace fs = std::filesystem;
namespace {

constexpr const char* kLog4j2 = R"(<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN">
  <Appenders>
    <Console name="console" target="SYSTEM_OUT">
      <PatternLayout pattern="%d{HH:mm:ss.SSS} [%t] %-5level %c{1.} - %msg%n"/>
    </Console>
  </Appenders>
  <Loggers>
    <Root level="INFO"><AppenderRef ref="console"/></Root>
  </Loggers>
</Configuration>
)";

/// Readers see the old or the new file: several `jar` commands may run at once.
Status write_if_different(const fs::path& file, const std::string& text) {
  {
    std::ifstream in(file, std::ios::binary);
    if (in && std::string{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()} == text)
      return Status();
  }
  const fs::path aside = file.string() + "." + std::to_string(::getpid());
  std::ofstream out(aside, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) return Status::error(StatusCode::kIo, "write {}", aside.string());
  std::error_code error;
  fs::rename(aside, file, error);
  if (error) return Status::error(StatusCode::kIo, "rename to {}: {}", file.string(), error.message());
  return Status();
}

}  // namespace

std::string client_storm_yaml(const Settings& settings) {
  ConfMap conf = settings.cluster_conf;
  ConfList seeds;
  for (const NimbusEndpoint& seed : nimbus_seeds(settings)) seeds.emplace_back(seed.host);
  conf.set("nimbus.seeds", std::move(seeds));
  conf.set("nimbus.thrift.port", settings.nimbus_port);
  conf.erase("nimbus.host");  // Storm's clients would follow it with a deprecation warning
  return print_json_pretty(ConfValue(conf)) + "\n";
}

Result<ClientFiles> write_client_files(const Settings& settings) {
  ClientFiles files;
  files.directory = settings.home + "/client";
  files.storm_yaml = files.directory + "/storm.yaml";
  std::error_code error;
  fs::create_directories(files.directory, error);
  if (error) return Status::error(StatusCode::kIo, "create {}: {}", files.directory, error.message());
  fs::permissions(files.directory, fs::perms::owner_all, error);  // the conf may hold secrets
  RETURN_IF_ERROR(write_if_different(files.storm_yaml, client_storm_yaml(settings)));
  RETURN_IF_ERROR(write_if_different(files.directory + "/log4j2.xml", kLog4j2));
  return files;
}

}  // namespace petrel::cli
