if (navigator.clipboard) {
  document.body.classList.add("has-script");
  const { copy, copied } = document.querySelector("main").dataset;
  for (const box of document.querySelectorAll(".copyable")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = copy;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(box.querySelector("code").textContent);
      button.textContent = copied;
      setTimeout(() => { button.textContent = copy; }, 1600);
    });
    box.append(button);
  }
}
