/**
 * The first so many numbers in the order of their ids, sorted. Of very many it keeps only these: a heap whose root is the
 * last of them.
 */
export function selectFirst(numbers: Int32Array, ids: readonly (string | undefined)[], max: number): Int32Array {
  const isBefore = (a: number, b: number): boolean => (ids[a] as string) < (ids[b] as string)
  const compare = (a: number, b: number): number => (isBefore(a, b) ? -1 : 1)
  if (numbers.length <= max) return numbers.sort(compare)
  const heap = numbers.slice(0, max)
  if (max === 0) return heap
  for (let index = (max >>> 1) - 1; index >= 0; index -= 1) sink(heap, index, isBefore)
  for (let index = max; index < numbers.length; index += 1) {
    const number = numbers[index] as number
    if (!isBefore(number, heap[0] as number)) continue
    heap[0] = number
    sink(heap, 0, isBefore)
  }
  return heap.sort(compare)
}

/** Moves what stands at a place of a heap down until nothing below it comes later. */
function sink(heap: Int32Array, from: number, isBefore: (a: number, b: number) => boolean): void {
  const moved = heap[from] as number
  let place = from
  for (;;) {
    let child = place * 2 + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child] as number, heap[child + 1] as number)) child += 1
    if (!isBefore(moved, heap[child] as number)) break
    heap[place] = heap[child] as number
    place = child
  }
  heap[place] = moved
}

/** Sorts the first few numbers of an array by their ids, by insertion; gives the array. */
export function sortFew(numbers: Int32Array, count: number, ids: readonly (string | undefined)[]): Int32Array {
  for (let index = 1; index < count; index += 1) {
    const moved = numbers[index] as number
    const id = ids[moved] as string
    let place = index
    for (; place > 0 && (ids[numbers[place - 1] as number] as string) > id; place -= 1) {
      numbers[place] = numbers[place - 1] as number
    }
    numbers[place] = moved
  }
  return numbers
}
