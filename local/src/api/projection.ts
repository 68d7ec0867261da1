import {
  AliasNode,
  createQueryId,
  ExpressionWrapper,
  FromNode,
  IdentifierNode,
  type OperationNode,
  OperationNodeTransformer,
  PostgresQueryCompiler,
  type RawBuilder,
  RawNode,
  type ReferenceNode,
  ReferenceNode as References,
  SelectAllNode,
  SelectQueryNode,
  sql,
  TableNode,
} from "kysely";
import { type Mutation, mutationOf, type Table } from "./mutation.ts";

/** Makes references to the table point to the rows that were written. */
class Renaming extends OperationNodeTransformer {
  readonly #table: Table;

  constructor(table: Table) {
    super();
    this.#table = table;
  }

  protected override transformReference(node: ReferenceNode): ReferenceNode {
    const { column } = node;
    const { schema, identifier } = node.table?.table ?? {};
    const own = schema?.name === this.#table.schema && identifier?.name === this.#table.name;
    const { name } = this.#table;
    if (!own) return super.transformReference(node);
    return SelectAllNode.is(column)
      ? References.createSelectAll(TableNode.create(name))
      : References.create(column, TableNode.create(name));
  }
}

/**
 * Combines the write with lite's statement `select … from table …`, which then reads the written
 * rows. As in PostgREST, embedded tables are read as they were before the write.
 */
export function projectionOver(
  statement: OperationNode,
  mutation: Mutation,
  shown: URLSearchParams,
): RawBuilder<unknown> {
  const { table } = mutation;
  if (!SelectQueryNode.is(statement)) throw new Error("A projection is a select.");
  const renaming = new Renaming(table);
  const { limit, offset, ...select } = renaming.transformNode(statement);
  const all = select.selections?.some(({ selection }) => isAll(selection)) ?? true;
  const select_ = shown.get("select") ?? "";
  const computed = table.computed.some((name) => new RegExp(`\\b${name}\\b`).test(select_));
  // A function that takes the row needs a value of the table's type. The rows of a query do not have
  // that type.
  const source = computed
    ? sql`unnest((select array_agg(pgrst_row) from pgrst_mutated))`
    : sql`pgrst_mutated`;
  const read: SelectQueryNode = {
    ...select,
    from: FromNode.create([
      AliasNode.create(
        RawNode.createWithChildren([source.toOperationNode()]),
        IdentifierNode.create(table.name),
      ),
    ]),
    // Applies the caller's own limit, but not the maximum for reads.
    ...(shown.has("limit") && limit ? { limit } : {}),
    ...(shown.has("offset") && offset ? { offset } : {}),
  };
  const columns = computed ? "row" : all ? "*" : columnsIn(read, table);
  return sql`
    with pgrst_mutated as (${mutationOf(mutation, columns)}),
    pgrst_source as ${new ExpressionWrapper(read)}
    select row_to_json(pgrst_source) as row from pgrst_source`;
}

/**
 * The table's columns whose names are in the statement. Some may be there only as columns of
 * embedded tables.
 */
function columnsIn(statement: SelectQueryNode, { columns }: Table): string[] {
  const { sql: text } = new PostgresQueryCompiler().compileQuery(statement, createQueryId());
  return [...columns.keys()].filter((name) => text.includes(`"${name.replaceAll('"', '""')}"`));
}

const isAll = (node: OperationNode): boolean =>
  SelectAllNode.is(node) || (References.is(node) && SelectAllNode.is(node.column));
