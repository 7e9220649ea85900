/**
 * A list in which what joins and leaves all the time costs nothing to collect. A `Set` or a `Map` would read better, but
 * each time the runtime makes room in one, the table before goes on pointing to the next; once one of them is old, all
 * that come after, and every connection that was ever in them, outlive the quick collections. It was measured to be a
 * third of what a short connection leaves behind.
 *
 * @module
 */

/** The place of an item in a list; whoever adds the item keeps it, to take the item out again. */
export class Entry<Item> {
  readonly item: Item;
  /** For the list. */
  list: LinkedList<Item> | undefined;
  /** For the list. */
  previous: Entry<Item> | undefined;
  /** For the list. */
  next: Entry<Item> | undefined;

  /** @param item what is in the list, @param list which one, @param previous what comes before */
  constructor(item: Item, list: LinkedList<Item>, previous: Entry<Item> | undefined) {
    this.item = item;
    this.list = list;
    this.previous = previous;
  }
}

/** Items in the order in which they were added. */
export class LinkedList<Item> {
  #first: Entry<Item> | undefined;
  #last: Entry<Item> | undefined;
  #size = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** The one that was added before all others. */
  get first(): Entry<Item> | undefined {
    return this.#first;
  }

  /** Adds an item at the end. */
  add(item: Item): Entry<Item> {
    const last = this.#last;
    const entry = new Entry(item, this, last);
    if (last === undefined) this.#first = entry;
    else last.next = entry;
    this.#last = entry;
    this.#size++;
    return entry;
  }

  /** Takes an item out; harmless when it is out already. @returns whether it was in */
  remove(entry: Entry<Item>): boolean {
    if (entry.list !== this) return false;
    const { previous, next } = entry;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    // An entry that points nowhere keeps nothing else alive.
    entry.list = entry.previous = entry.next = undefined;
    this.#size--;
    return true;
  }

  /** Every item that is in now. */
  items(): Item[] {
    const items: Item[] = [];
    for (let entry = this.#first; entry !== undefined; entry = entry.next) items.push(entry.item);
    return items;
  }
}
