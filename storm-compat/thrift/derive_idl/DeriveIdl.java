// DeriveIdl: prints the Thrift IDL of a published storm-client jar, read from the metadata of its generated classes.
//
//   java -cp <storm-client.jar>:<storm-shaded-deps.jar>:<slf4j-api.jar> DeriveIdl.java [--schema] <storm-client.jar>
//
// With --schema: the structs and the arguments of Nimbus as C++ tables, for the scan of requests (storm_schema.h).
//
// What class metadata hold is reproduced: field ids, names, types, requiredness, defaults, enum values, methods with
// their arguments, results and exceptions. What they do not hold is lost without harm on the wire: comments, typedef
// names, defaults that equal zero. Two items that only older clients know are added, see LEGACY_*.
// Definitions come out with what they use first, otherwise by name; fields keep their declared (= written) order.

import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.jar.JarFile;
import org.apache.storm.thrift.TBase;
import org.apache.storm.thrift.TEnum;
import org.apache.storm.thrift.TException;
import org.apache.storm.thrift.TFieldIdEnum;
import org.apache.storm.thrift.TFieldRequirementType;
import org.apache.storm.thrift.TUnion;
import org.apache.storm.thrift.meta_data.EnumMetaData;
import org.apache.storm.thrift.meta_data.FieldMetaData;
import org.apache.storm.thrift.meta_data.FieldValueMetaData;
import org.apache.storm.thrift.meta_data.ListMetaData;
import org.apache.storm.thrift.meta_data.MapMetaData;
import org.apache.storm.thrift.meta_data.SetMetaData;
import org.apache.storm.thrift.meta_data.StructMetaData;
import org.apache.storm.thrift.protocol.TType;

public final class DeriveIdl {
  private static final String PACKAGE = "org.apache.storm.generated.";

  /** Clients up to 0.10 require ClusterSummary field 2; later ones skip it. struct -> (field id -> line). */
  private static final Map<String, Map<Integer, String>> LEGACY_FIELDS =
      Map.of("ClusterSummary", Map.of(2, "optional i32 nimbus_uptime_secs = 0"));

  /** 1.x clients call beginFileDownload. service -> (method -> line). */
  private static final Map<String, Map<String, String>> LEGACY_METHODS =
      Map.of("Nimbus", Map.of("beginFileDownload",
          "string beginFileDownload(1: string file) throws (1: AuthorizationException aze)"));

  private final PrintStream out;
  private final TreeMap<String, Class<?>> enums = new TreeMap<>();
  private final TreeMap<String, Class<?>> structs = new TreeMap<>();
  private final TreeMap<String, Class<?>> services = new TreeMap<>();
  private final Set<String> printed = new HashSet<>();

  private DeriveIdl(PrintStream out) {
    this.out = out;
  }

  public static void main(String[] args) throws Exception {
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    DeriveIdl tool = new DeriveIdl(out);
    tool.load(args[args.length - 1]);
    if (args.length > 1 && args[0].equals("--schema")) {
      tool.printSchema();
    } else {
      tool.print();
    }
    out.flush();
    if (out.checkError()) {
      throw new java.io.IOException("cannot write the IDL to standard output");
    }
  }

  private void load(String jarPath) throws Exception {
    try (JarFile jar = new JarFile(jarPath)) {
      for (var entries = jar.entries(); entries.hasMoreElements();) {
        String name = entries.nextElement().getName().replace('/', '.');
        if (!name.startsWith(PACKAGE) || !name.endsWith(".class") || name.contains("$")) {
          continue;
        }
        Class<?> type = Class.forName(name.substring(0, name.length() - ".class".length()));
        String simple = type.getSimpleName();
        if (TEnum.class.isAssignableFrom(type)) {
          enums.put(simple, type);
        } else if (TBase.class.isAssignableFrom(type)) {
          structs.put(simple, type);
        } else if (nested(type, "Iface") != null) {
          services.put(simple, type);
        } else {
          throw new IllegalStateException("not an enum, a struct or a service: " + name);
        }
      }
    }
  }

  private void print() throws Exception {
    out.print("// Derived from the class metadata of storm-client 2.8.3 by derive_idl/DeriveIdl.java. Do not edit:\n"
        + "// derive_idl_test.py derives it anew and compares.\n"
        + "namespace cpp storm\n");
    for (var entry : enums.entrySet()) {
      printEnum(entry.getKey(), entry.getValue());
    }
    for (String name : structs.keySet()) {
      printStruct(name);
    }
    for (var entry : services.entrySet()) {
      printService(entry.getKey(), entry.getValue());
    }
  }

  private final TreeMap<String, Integer> schemaTypes = new TreeMap<>();
  private final List<String> schemaTypeLines = new ArrayList<>();
  private final List<String> schemaFieldLines = new ArrayList<>();
  private final List<String> schemaStructLines = new ArrayList<>();

  private void printSchema() throws Exception {
    List<String> values = new ArrayList<>();
    List<String> enumLines = new ArrayList<>();
    for (var entry : enums.entrySet()) {
      int first = values.size();
      for (Object constant : entry.getValue().getEnumConstants()) {
        values.add("{" + ((TEnum) constant).getValue() + ", \"" + ((Enum<?>) constant).name() + "\"}");
      }
      enumLines.add("{\"" + entry.getKey() + "\", " + first + ", " + (values.size() - first) + "}");
    }
    for (var entry : structs.entrySet()) {
      schemaStruct(entry.getKey(), metadata(entry.getValue()));
    }
    Class<?> nimbus = services.get("Nimbus");
    TreeSet<String> methods = new TreeSet<>(LEGACY_METHODS.get("Nimbus").keySet());
    for (Method method : nested(nimbus, "Iface").getMethods()) {
      methods.add(method.getName());
    }
    List<String> methodLines = new ArrayList<>();
    for (String method : methods) {
      methodLines.add("{\"" + method + "\", " + schemaStructLines.size() + "}");
      if (LEGACY_METHODS.get("Nimbus").containsKey(method)) {
        int first = schemaFieldLines.size();
        schemaFieldLines.add("{1, " + schemaType("string", "11, 1, -1") + ", false, \"file\"}");
        schemaStructLines.add("{\"" + method + "\", 0, " + first + ", 1}");
      } else {
        schemaStruct(method, metadata(nested(nimbus, method + "_args")));
      }
    }
    out.print("// Derived from the class metadata of storm-client 2.8.3 by derive_idl/DeriveIdl.java --schema.\n"
        + "// Do not edit: derive_idl_test.py derives it anew and compares. "
        + "The rows are explained in storm_schema.h.\n");
    table("SchemaEnumValue", "kEnumValues", values);
    table("SchemaEnum", "kEnums", enumLines);
    table("SchemaType", "kTypes", schemaTypeLines);
    table("SchemaField", "kFields", schemaFieldLines);
    table("SchemaStruct", "kStructs", schemaStructLines);
    table("SchemaMethod", "kMethods", methodLines);
  }

  private void table(String type, String name, List<String> rows) {
    out.print("\nconstexpr " + type + " " + name + "[] = {\n");
    for (String row : rows) {
      out.print("    " + row + ",\n");
    }
    out.print("};\n");
  }

  private void schemaStruct(String name, Map<TFieldIdEnum, FieldMetaData> fields) {
    int first = schemaFieldLines.size();
    TreeMap<Integer, String> lines = new TreeMap<>();
    for (var entry : fields.entrySet()) {
      FieldMetaData field = entry.getValue();
      int id = entry.getKey().getThriftFieldId();
      boolean required = field.requirementType == TFieldRequirementType.REQUIRED;
      lines.put(id, "{" + id + ", " + schemaType(field.valueMetaData) + ", " + required + ", \"" + field.fieldName
          + "\"}");
    }
    for (int id : LEGACY_FIELDS.getOrDefault(name, Map.of()).keySet()) {
      lines.put(id, "{" + id + ", " + schemaType("i32", "8, -1, -1") + ", false, \"nimbus_uptime_secs\"}");
    }
    schemaFieldLines.addAll(lines.values());
    String size = structs.containsKey(name) ? "sizeof(::storm::" + name + ")" : "0";
    schemaStructLines.add("{\"" + name + "\", " + size + ", " + first + ", " + lines.size() + "}");
  }

  /** Row of a type: wire type, then what it refers to (see storm_schema.h). */
  private int schemaType(FieldValueMetaData value) {
    String name = typeName(value);
    if (value instanceof ListMetaData list) {
      return schemaType(name, "15, " + schemaType(list.elemMetaData) + ", -1");
    }
    if (value instanceof SetMetaData set) {
      return schemaType(name, "14, " + schemaType(set.elemMetaData) + ", -1");
    }
    if (value instanceof MapMetaData map) {
      return schemaType(name, "13, " + schemaType(map.keyMetaData) + ", " + schemaType(map.valueMetaData));
    }
    if (enums.containsKey(name)) {
      return schemaType(name, "8, " + enums.headMap(name).size() + ", -1");
    }
    if (structs.containsKey(name)) {
      return schemaType(name, "12, " + structs.headMap(name).size() + ", -1");
    }
    if (value.type == TType.STRING) {
      return schemaType(name, "11, " + (value.isBinary() ? 0 : 1) + ", -1");
    }
    return schemaType(name, value.type + ", -1, -1");
  }

  private int schemaType(String name, String row) {
    Integer known = schemaTypes.get(name);
    if (known == null) {
      known = schemaTypeLines.size();
      schemaTypes.put(name, known);
      schemaTypeLines.add("{" + row + "}");
    }
    return known;
  }

  private void printEnum(String name, Class<?> type) {
    out.print("\nenum " + name + " {\n");
    for (Object constant : type.getEnumConstants()) {
      out.print("  " + ((Enum<?>) constant).name() + " = " + ((TEnum) constant).getValue() + ";\n");
    }
    out.print("}\n");
  }

  private void printStruct(String name) throws Exception {
    if (!printed.add(name)) {
      return;
    }
    Class<?> type = structs.get(name);
    Map<TFieldIdEnum, FieldMetaData> fields = metadata(type);
    for (FieldMetaData field : fields.values()) {
      for (String used : usedStructs(field.valueMetaData, new TreeSet<>())) {
        printStruct(used);
      }
    }
    boolean union = TUnion.class.isAssignableFrom(type);
    String kind = union ? "union" : TException.class.isAssignableFrom(type) ? "exception" : "struct";
    out.print("\n" + kind + " " + name + " {\n");
    TreeMap<Integer, String> legacy = new TreeMap<>(LEGACY_FIELDS.getOrDefault(name, Map.of()));
    Object fresh = union ? null : type.getDeclaredConstructor().newInstance();
    for (var entry : fields.entrySet()) {
      int id = entry.getKey().getThriftFieldId();
      printLegacyBefore(legacy, id, name);
      FieldMetaData field = entry.getValue();
      // Members of a union are optional by nature, and the IDL does not say so.
      out.print("  " + id + ": " + (union ? "" : requirement(field)) + typeName(field.valueMetaData) + " "
          + field.fieldName + (union ? "" : defaultOf(type, fresh, entry.getKey(), field)) + ";\n");
    }
    printLegacyBefore(legacy, Integer.MAX_VALUE, name);
    out.print("}\n");
  }

  private void printLegacyBefore(TreeMap<Integer, String> legacy, int id, String struct) {
    while (!legacy.isEmpty() && legacy.firstKey() <= id) {
      if (legacy.firstKey() == id) {
        throw new IllegalStateException("legacy field " + id + " of " + struct + " exists in this jar");
      }
      var first = legacy.pollFirstEntry();
      out.print("  " + first.getKey() + ": " + first.getValue() + ";\n");
    }
  }

  private void printService(String name, Class<?> type) throws Exception {
    TreeMap<String, String> lines = new TreeMap<>();
    for (Method method : nested(type, "Iface").getMethods()) {
      lines.put(method.getName(), methodLine(type, method.getName()));
    }
    for (var legacy : LEGACY_METHODS.getOrDefault(name, Map.of()).entrySet()) {
      if (lines.put(legacy.getKey(), legacy.getValue()) != null) {
        throw new IllegalStateException("legacy method " + legacy.getKey() + " exists in this jar");
      }
    }
    out.print("\nservice " + name + " {\n");
    for (String line : lines.values()) {
      out.print("  " + line + ";\n");
    }
    out.print("}\n");
  }

  private String methodLine(Class<?> service, String method) throws Exception {
    List<String> arguments = new ArrayList<>();
    for (var entry : metadata(nested(service, method + "_args")).entrySet()) {
      arguments.add(parameter(entry.getKey(), entry.getValue()));
    }
    Class<?> result = nested(service, method + "_result");
    String returns = "void";
    List<String> exceptions = new ArrayList<>();
    if (result == null) {
      returns = "oneway void";
    } else {
      for (var entry : metadata(result).entrySet()) {
        if (entry.getKey().getThriftFieldId() == 0) {
          returns = typeName(entry.getValue().valueMetaData);
        } else {
          exceptions.add(parameter(entry.getKey(), entry.getValue()));
        }
      }
    }
    return returns + " " + method + "(" + String.join(", ", arguments) + ")"
        + (exceptions.isEmpty() ? "" : " throws (" + String.join(", ", exceptions) + ")");
  }

  private String parameter(TFieldIdEnum id, FieldMetaData field) {
    return id.getThriftFieldId() + ": " + typeName(field.valueMetaData) + " " + field.fieldName;
  }

  private static String requirement(FieldMetaData field) {
    switch (field.requirementType) {
      case TFieldRequirementType.REQUIRED:
        return "required ";
      case TFieldRequirementType.OPTIONAL:
        return "optional ";
      default:
        return "";
    }
  }

  private String typeName(FieldValueMetaData value) {
    if (value instanceof ListMetaData list) {
      return "list<" + typeName(list.elemMetaData) + ">";
    }
    if (value instanceof SetMetaData set) {
      return "set<" + typeName(set.elemMetaData) + ">";
    }
    if (value instanceof MapMetaData map) {
      return "map<" + typeName(map.keyMetaData) + ", " + typeName(map.valueMetaData) + ">";
    }
    if (value instanceof EnumMetaData enumeration) {
      return enumeration.enumClass.getSimpleName();
    }
    if (value instanceof StructMetaData struct) {
      return struct.structClass.getSimpleName();
    }
    if (value.type == TType.STRUCT || value.type == TType.ENUM) {
      // A definition that came later in the source file: only its name is in the metadata.
      String name = value.getTypedefName();
      if (!structs.containsKey(name) && !enums.containsKey(name)) {
        throw new IllegalStateException("unknown type " + name);
      }
      return name;
    }
    switch (value.type) {
      case TType.BOOL:
        return "bool";
      case TType.BYTE:
        return "byte";
      case TType.I16:
        return "i16";
      case TType.I32:
        return "i32";
      case TType.I64:
        return "i64";
      case TType.DOUBLE:
        return "double";
      case TType.STRING:
        return value.isBinary() ? "binary" : "string";
      default:
        throw new IllegalStateException("type " + value.type + " has no name in the IDL");
    }
  }

  private Set<String> usedStructs(FieldValueMetaData value, Set<String> used) {
    if (value instanceof ListMetaData list) {
      usedStructs(list.elemMetaData, used);
    } else if (value instanceof SetMetaData set) {
      usedStructs(set.elemMetaData, used);
    } else if (value instanceof MapMetaData map) {
      usedStructs(map.keyMetaData, used);
      usedStructs(map.valueMetaData, used);
    } else if (structs.containsKey(typeNameOrEmpty(value))) {
      used.add(typeName(value));
    }
    return used;
  }

  private String typeNameOrEmpty(FieldValueMetaData value) {
    return value.type == TType.STRUCT ? typeName(value) : "";
  }

  /** " = value" when a fresh object holds something that a plain one would not. */
  private static String defaultOf(Class<?> type, Object fresh, TFieldIdEnum id, FieldMetaData field) throws Exception {
    // The Java field, not getFieldValue: an optional primitive may have its value set and its isset bit off.
    Field member = type.getDeclaredField(javaName(type, field.fieldName));
    member.setAccessible(true);
    Object value = member.get(fresh);
    boolean zero = value == null || Boolean.FALSE.equals(value)
        || value instanceof Number number && number.doubleValue() == 0.0;
    return zero ? "" : " = " + literal(value);
  }

  private static String javaName(Class<?> type, String name) {
    for (Field field : type.getDeclaredFields()) {
      if (field.getName().equals(name) && !Modifier.isStatic(field.getModifiers())) {
        return name;
      }
    }
    throw new IllegalStateException("no member " + name + " in " + type.getName());
  }

  private static String literal(Object value) {
    if (value instanceof TEnum) {
      return value.getClass().getSimpleName() + "." + ((Enum<?>) value).name();
    }
    if (value instanceof Number || value instanceof Boolean) {
      return value.toString();
    }
    if (value instanceof String text && !text.contains("\"") && !text.contains("\\")) {
      return "\"" + text + "\"";
    }
    if (value instanceof ByteBuffer bytes && !bytes.hasRemaining()) {
      return "\"\"";
    }
    if (value instanceof Collection<?> items && items.isEmpty()) {
      return "[]";
    }
    if (value instanceof Map<?, ?> map && map.isEmpty()) {
      return "{}";
    }
    throw new IllegalStateException("a default that this tool cannot write: " + value);
  }

  @SuppressWarnings("unchecked")
  private static Map<TFieldIdEnum, FieldMetaData> metadata(Class<?> type) throws Exception {
    return (Map<TFieldIdEnum, FieldMetaData>) type.getField("metaDataMap").get(null);
  }

  private static Class<?> nested(Class<?> type, String name) {
    try {
      return Class.forName(type.getName() + "$" + name);
    } catch (ClassNotFoundException e) {
      return null;
    }
  }
}
