package io.petrel.host;

/**
 * The input cells of a writer. A component has few inputs, and their names come with every tuple as the same objects:
 * so the search compares references first. Thread: the writer; {@link #all} from any.
 */
final class InCells {
    private volatile InCell[] cells = new InCell[0];
    private InCell last = new InCell("", "");

    InCell of(String component, String stream) {
        InCell cell = last;
        if (cell.component == component && cell.stream == stream) {
            return cell;
        }
        return find(component, stream);
    }

    InCell[] all() {
        return cells;
    }

    private InCell find(String component, String stream) {
        for (InCell cell : cells) {
            if (cell.component.equals(component) && cell.stream.equals(stream)) {
                // A name that is equal but another object is looked up each time.
                last = cell.component == component && cell.stream == stream ? cell : last;
                return cell;
            }
        }
        InCell cell = new InCell(component, stream);
        InCell[] more = java.util.Arrays.copyOf(cells, cells.length + 1);
        more[cells.length] = cell;
        cells = more;
        last = cell;
        return cell;
    }
}
