interface Owner {
  readonly name: string
  /** Oldest first. */
  readonly keys: Set<string>
}

/**
 * Keys by who filled the room with them. When room is needed, the owner of the most loses its oldest: whoever floods a bounded store pushes
 * out what is its own, and others only once it has spread over as many owners as there are places. Every step takes the same time, however
 * many there are.
 */
export class FairShares {
  readonly #owners = new Map<string, Owner>()
  readonly #ownerOf = new Map<string, Owner>()
  /** Owners by how many keys they have; of equal ones who has had so many for longest is first. */
  readonly #byCount: Set<Owner>[] = []
  #most = 0

  get size(): number {
    return this.#ownerOf.size
  }

  /** A key that is there already becomes its owner's newest, and its owner the last of those with as many. */
  add(key: string, name: string): void {
    const before = this.#ownerOf.get(key)
    if (before !== undefined) {
      before.keys.delete(key)
      before.keys.add(key)
      this.#moved(before, before.keys.size)
      return
    }
    const owner = this.#owners.get(name) ?? { name, keys: new Set() }
    this.#owners.set(name, owner)
    this.#ownerOf.set(key, owner)
    owner.keys.add(key)
    this.#moved(owner, owner.keys.size - 1)
  }

  delete(key: string): void {
    const owner = this.#ownerOf.get(key)
    if (owner === undefined) return
    this.#ownerOf.delete(key)
    owner.keys.delete(key)
    if (owner.keys.size === 0) this.#owners.delete(owner.name)
    this.#moved(owner, owner.keys.size + 1)
  }

  /** What goes first; undefined: there is nothing. */
  get first(): string | undefined {
    for (const { keys } of this.#byCount[this.#most] ?? []) for (const key of keys) return key
    return undefined
  }

  keys(): IterableIterator<string> {
    return this.#ownerOf.keys()
  }

  #moved(owner: Owner, from: number): void {
    const to = owner.keys.size
    this.#byCount[from]?.delete(owner)
    if (to > 0) {
      this.#byCount[to] ??= new Set()
      this.#byCount[to].add(owner)
    }
    if (to > this.#most) this.#most = to
    else if (from === this.#most && this.#byCount[from]?.size === 0) this.#most = to
  }
}
