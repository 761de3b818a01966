/** Rows in columns as wide as their widest cell, with a rule below the first row. */
export function formatTable(rows: readonly (readonly string[])[]): string[] {
  const [headings = []] = rows
  const widths = headings.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const rule = widths.map((width) => '─'.repeat(width)).join('  ')
  return [lines[0] ?? '', rule, ...lines.slice(1)]
}
