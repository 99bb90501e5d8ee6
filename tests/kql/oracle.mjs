// Microsoft's own KQL parser and binder. One JSON line in, {schema, query}; one out:
// {problems, columns, literals, references, shape}, or {error} when it cannot be judged.
import fs from "node:fs";
import path from "node:path";
import readline from "node:readline";
import vm from "node:vm";
import { createRequire } from "node:module";

const folder = path.dirname(
  createRequire(import.meta.url).resolve("@kusto/language-service-next/package.json"),
);
for (const script of ["bridge.min.js", "Kusto.Language.Bridge.min.js"]) {
  vm.runInThisContext(fs.readFileSync(path.join(folder, script), "utf8"), { filename: script });
}
const { Bridge, Kusto, System } = globalThis;
const Language = Kusto.Language;
const Symbols = Language.Symbols;
const Syntax = Language.Syntax;
const list = (found) => (found == null ? [] : Bridge.toArray(found));

const TYPES = {
  bool: "Bool", int: "Int", long: "Long", real: "Real", string: "String",
  datetime: "DateTime", timespan: "TimeSpan", dynamic: "Dynamic",
};

function database(schema) {
  const owners = new Map(); // column symbol -> [table, column]
  const tables = Object.entries(schema.tables).map(([table, columns]) => {
    const symbols = Object.entries(columns).map(([column, type]) => {
      if (!(type in TYPES)) throw new Error(`no type ${type}`);
      const scalar = Symbols.ScalarTypes[TYPES[type]];
      const symbol = new Symbols.ColumnSymbol(column, scalar, null, null, null, null);
      owners.set(symbol, [table, column]);
      return symbol;
    });
    return new Symbols.TableSymbol.$ctor4(table, symbols);
  });
  const symbol = new Symbols.DatabaseSymbol.ctor("db", tables);
  return { globals: Language.GlobalState.Default.WithDatabase(symbol), owners };
}

// What a query does, apart from the names and values in it.
const SHAPING = [Syntax.Statement, Syntax.QueryOperator, Syntax.BinaryExpression,
  Syntax.InExpression, Syntax.FunctionCallExpression];

const shown = (query, found) =>
  `${found.Code}: ${found.Message} <<${query.slice(found.Start, found.Start + found.Length)}>>`;

function statements(code) {
  const kind = Syntax.ExpressionStatement;
  return list(code.Syntax.Statements)
    .filter((element) => Bridge.is(element.Element ?? element.Element$1 ?? element, kind)).length;
}

function judge(query, { globals, owners }) {
  const code = Language.KustoCode.ParseAndAnalyze(query, globals);
  const problems = list(code.GetDiagnostics()).map((found) => shown(query, found));
  const sink = new (System.Collections.Generic.List$1(Language.Diagnostic).ctor)();
  // The service's own entry point to the analyzers returns nothing in this build.
  for (const analyzer of list(Language.Editor.KustoAnalyzers.All)) analyzer.Analyze(code, sink, null);
  problems.push(...list(sink).map((found) => shown(query, found)));
  if (code.Kind !== "Query") problems.push(`not a query but ${code.Kind}`);
  if (statements(code) !== 1) problems.push(`${statements(code)} statements that yield something`);
  const type = code.ResultType;
  const columns = type != null && Bridge.is(type, Symbols.TableSymbol)
    ? list(type.Columns).map((column) => [column.Name, column.Type.Name])
    : null;
  if (columns === null) problems.push("does not yield a table");
  const literals = [];
  const references = new Map();
  const shape = [];
  Syntax.SyntaxElement.WalkNodes(code.Syntax, (node) => {
    if (Bridge.is(node, Syntax.LiteralExpression)
        && node.Kind === Syntax.SyntaxKind.StringLiteralExpression) {
      literals.push(node.LiteralValue);
    }
    if (SHAPING.some((kind) => Bridge.is(node, kind))) shape.push(node.Kind);
    if (Bridge.is(node, Syntax.MvExpandOperator) && /^mvexpand/.test(node.toString().trim())) {
      problems.push("mvexpand, whose default limit is 128 rows");
    }
    const owner = owners.get(node.ReferencedSymbol);
    if (owner !== undefined) references.set(owner.join("."), owner);
  });
  return { problems, columns, literals, references: [...references.values()], shape };
}

// Every word of the grammar, asked for by an empty line.
function words() {
  const kinds = Object.values(Syntax.SyntaxKind).filter((kind) => typeof kind === "number");
  const texts = kinds.map((kind) => Syntax.SyntaxFacts.GetText(kind)).filter(Boolean);
  return texts.filter((text) => /^[A-Za-z_]\w*$/.test(text));
}

const known = new Map();
for await (const line of readline.createInterface({ input: process.stdin })) {
  let answer;
  try {
    const { schema, query } = JSON.parse(line || "{}");
    const key = JSON.stringify(schema);
    if (line && !known.has(key)) known.set(key, database(schema));
    answer = line ? judge(query, known.get(key)) : { words: words() };
  } catch (error) {
    answer = { error: String(error?.stack ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
