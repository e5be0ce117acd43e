"""Results as a Markdown table."""

from bench.figures import Results


def _number(value: float) -> str:
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _align(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def line(cells: list[str]) -> str:
        first, *others = (
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return "| " + " | ".join([first, *others]) + " |"

    rule = "|" + "|".join(
        "-" * (width + 2) if i == 0 else "-" * (width + 1) + ":" for i, width in enumerate(widths)
    )
    return [line(rows[0]), rule + "|", *map(line, rows[1:])]


def render(results: Results, servers: list[str]) -> str:
    """Return the table: a row a figure, a column a server.

    The figure in brackets is how many times the first server's it is; the last column is the best of
    the others in these terms.
    """
    reference, *rivals = servers
    rows = [["less is better", *servers] + (["best rival"] if rivals else [])]
    for label, unit in results.labels:
        own = results.value(reference, label)
        cells, ratios = [], []
        for server in servers:
            value = results.value(server, label)
            if value is None:
                cells.append("-")
            elif server == reference or not own or label in results.counts:
                cells.append(_number(value))
            else:
                ratios.append((value / own, server))
                cells.append(f"{_number(value)} ({value / own:.2f})")
        best = [f"{min(ratios)[0]:.2f} {min(ratios)[1]}" if ratios else ""] if rivals else []
        rows.append([f"{label}, {unit}" if unit else label, *cells, *best])
    return "\n".join(_align(rows))
