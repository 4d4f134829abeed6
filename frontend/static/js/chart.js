// <vitrine-chart option="#id-of-a-json-script"> draws an ECharts option that the server wrote.
class Chart extends HTMLElement {
  connectedCallback() {
    const option = JSON.parse(document.querySelector(this.getAttribute("option")).textContent);
    this.chart = window.echarts.init(this, null, { renderer: "svg" });
    this.chart.setOption({ animation: false, textStyle: { fontFamily: "inherit" }, ...option });
    this.observer = new ResizeObserver(() => this.chart.resize());
    this.observer.observe(this);
  }

  disconnectedCallback() {
    this.observer.disconnect();
    this.chart.dispose();
  }
}

customElements.define("vitrine-chart", Chart);
