import { useEffect, useRef, useState, type RefObject } from "react";

/** True once the element has been near the screen: what it shows is only then worth asking for. */
export function useSeen<T extends Element>(): [RefObject<T | null>, boolean] {
  const ref = useRef<T>(null);
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    if (seen || !ref.current) return;
    const observer = new IntersectionObserver((found) => {
      if (found.some((entry) => entry.isIntersecting)) setSeen(true);
    }, { rootMargin: "400px" });
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, [seen]);
  return [ref, seen];
}
