import { useCallback, useEffect, useRef } from "react";

/**
 * Hot reload loses what changes between a page's load and its socket's connection: an edit of index.html makes the page
 * load anew, and the next file, written a moment later, is never told to it. So an app that loaded while its files were
 * being changed loads once more when the change is over; one that took every change by hot reload keeps its state.
 */
export function useCatchUp(changing: boolean, reload: () => void): () => void {
  const loadedMeanwhile = useRef(false);
  const again = useRef(reload);
  useEffect(() => {
    again.current = reload;
  });
  useEffect(() => {
    if (changing || !loadedMeanwhile.current) return;
    loadedMeanwhile.current = false;
    again.current();
  }, [changing]);
  return useCallback(() => {
    if (changing) loadedMeanwhile.current = true;
  }, [changing]);
}
